"use strict";
// A cell in a page: draws its weights as training begins with them, and runs it over a sequence.
// `lang/javascript/__init__.py` says what a cell and an expression are here.

function evaluate(expression, values) {
  if (typeof expression === "number") return expression;
  if (typeof expression === "string") return values[expression];
  const [operation, ...operands] = expression;
  return OPERATIONS[operation](...operands.map((operand) => evaluate(operand, values)));
}

// Numbers from 0 to 1 that follow from a seed: Mulberry32 (Ettinger 2017).
function generator(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let bits = Math.imul(state ^ (state >>> 15), state | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
}

const generatorOf = (seed, weight) => generator(1000 * seed + weight); // each has its own numbers

function normal(random) { // Box and Muller 1958
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

// The rows of a matrix, or its columns where these are fewer, are made orthogonal one by one.
function orthogonal(rows, columns, random) {
  const [count, length] = [Math.min(rows, columns), Math.max(rows, columns)];
  const vectors = [];
  while (vectors.length < count) {
    let vector = range(length).map(() => normal(random));
    for (const other of vectors) {
      const share = added(vector.map((entry, n) => entry * other[n]));
      vector = vector.map((entry, n) => entry - share * other[n]);
    }
    const norm = Math.sqrt(added(vector.map((entry) => entry * entry)));
    vectors.push(vector.map((entry) => entry / norm));
  }
  return entries(rows, columns, 1, (_, row, column) =>
    rows <= columns ? vectors[row][column] : vectors[column][row]);
}

// The largest absolute value of an eigenvalue: the norm of A^n to the power 1 / n for n = 2^20.
function spectralRadius(matrix) {
  let power = matrix;
  let logarithm = 0;
  for (let n = 0; n <= 20; n += 1) {
    const norm = Math.sqrt(added(power.map((entry) => entry * entry)));
    if (norm === 0) return 0;
    logarithm += Math.log(norm) / 2 ** n;
    power = power.map((entry) => entry / norm);
    power = product(power, power);
  }
  return Math.exp(logarithm);
}

function reservoir(count, radius, density, random) {
  const sparse = range(count * count).map(() => normal(random) * Number(random() < density));
  const found = spectralRadius(sparse);
  return sparse.map((entry) => (found > 1e-3 ? (entry * radius) / found : entry));
}

// What an expression for each entry of a matrix may read: the numbers of its rows and columns,
// `row.` and `col.`, and constants along these, `row.T`.
function along(rows, columns, known) {
  const vectors = Object.entries(known).filter(
    ([name, value]) => name.startsWith("constant.") && typeof value !== "number");
  const values = { "unit.": range(rows) };
  const places = { row: (row) => row, col: (_, column) => column };
  for (const [axis, place] of Object.entries(places)) {
    const spread = (vector) =>
      entries(rows, columns, 1, (_, row, column) => vector[place(row, column)]);
    values[`${axis}.`] = spread(range(Math.max(rows, columns)));
    for (const [name, vector] of vectors) {
      values[name.replace("constant.", `${axis}.`)] = spread(vector);
    }
  }
  return values;
}

// What a weight begins with: `lang.start` in JavaScript.
function begun({ kind, numbers, fan, distribution, expression, blocks }, shape, known, random) {
  const rows = shape[0] ?? 1;
  const columns = shape[1] ?? 1;
  const count = rows * columns;
  const [first, second] = (numbers ?? []).map((number) => evaluate(number, known));
  const uniform = (low, high) => range(count).map(() => low + (high - low) * random());
  switch (kind) {
    case "values": return numbers;
    case "constant": return Array(count).fill(first);
    case "identity":
      return entries(rows, columns, 1, (_, row, column) => (row === column ? first : 0));
    case "orthogonal": return orthogonal(rows, columns, random).map((entry) => entry * first);
    case "normal": return range(count).map(() => first * normal(random));
    case "uniform": return uniform(first, second);
    case "spectral_radius": return reservoir(rows, first, second, random);
    case "scaled": {
      const [inputs, outputs] = [shape.at(-1) ?? 1, rows];
      const variance = first / (fan === "fan_in" ? inputs : (inputs + outputs) / 2);
      const limit = Math.sqrt(3 * variance);
      if (distribution === "uniform") return uniform(-limit, limit);
      return range(count).map(() => Math.sqrt(variance) * normal(random));
    }
    case "expression": {
      const values = { ...known, ...along(rows, columns, known), "random.": uniform(0, 1) };
      return spread(evaluate(expression, values), count);
    }
    case "columns": {
      const parts = blocks.map((block) => begun(block, [rows, block.columns], known, random));
      return range(rows).flatMap((row) => parts.flatMap((part, n) =>
        part.slice(row * blocks[n].columns, (row + 1) * blocks[n].columns)));
    }
    default: throw new Error(`no beginning '${kind}'`);
  }
}

const spread = (value, size) => {
  const vector = [value].flat();
  return vector.length === size ? vector : Array(size).fill(vector[0]);
};

const keyed = (kind, values) =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [`${kind}.${name}`, value]));

function constantsOf(cell, numbers) {
  const values = { ...keyed("number", numbers), "unit.": range(cell.units) };
  const constants = {};
  for (const { name, expression } of cell.constants) {
    values[`constant.${name}`] = constants[`constant.${name}`] = evaluate(expression, values);
  }
  return constants;
}

// The weights by name, as training begins with them; matrices that are trained times `gain`.
function drawWeights(cell, numbers, seed, gain = 1) {
  const known = { ...keyed("number", numbers), ...constantsOf(cell, numbers) };
  const weights = {};
  cell.weights.forEach(({ name, shape, begins, trained }, place) => {
    const entries = begun(begins, shape, known, generatorOf(seed, place));
    known[`weight.${name}`] = entries;
    const grows = trained && shape.length === 2;
    weights[name] = grows ? entries.map((entry) => entry * gain) : entries;
  });
  return weights;
}

function masked(cell, weights, known) {
  const values = {};
  for (const { name, shape, mask } of cell.weights) {
    values[name] = weights[name];
    if (mask === null) continue;
    const [rows, columns] = [shape[0], shape[1] ?? 1];
    const entries = spread(
      evaluate(mask, { ...known, ...along(rows, columns, known) }), rows * columns);
    values[name] = weights[name].map((entry, place) => (entries[place] ? entry : 0));
  }
  return values;
}

// The value of every equation at every step: name -> step -> units.
// `inputs` has a vector a step for each input; `held` has the numbers at which equations are held.
function run(cell, weights, inputs, numbers, held = {}) {
  const known = { ...keyed("number", numbers), ...constantsOf(cell, numbers) };
  const fixed = { ...known, ...keyed("weight", masked(cell, weights, known)) };
  const values = Object.fromEntries(cell.equations.map(({ name }) => [name, []]));
  let previous = Object.fromEntries(
    cell.states.map(({ name, size, initial }) => [name, Array(size).fill(initial)]));
  for (let t = 0; t < inputs.x.length; t += 1) {
    const now = { ...fixed, ...keyed("previous", previous), "time.t": t };
    for (const { name } of cell.inputs) now[`input.${name}`] = inputs[name][t];
    for (const { name, size, expression } of cell.equations) {
      const value = Object.hasOwn(held, name) ? held[name] : evaluate(expression, now);
      now[`value.${name}`] = spread(value, size);
      values[name].push(now[`value.${name}`]);
    }
    previous = Object.fromEntries(cell.states.map(({ name }) => [name, now[`value.${name}`]]));
  }
  return values;
}
