"use strict";
// What the operations of a cell compute, in double precision: a row for each, as in
// `lang/primitives`.  A value is a number, or an array of the units of a vector; the entries of a
// matrix lie in one array, row by row, as in `ir.Grid`.

const range = (count) => Array.from({ length: count }, (_, number) => number);
const added = (numbers) => numbers.reduce((sum, number) => sum + number, 0);
const largest = (numbers) => numbers.reduce((most, number) => Math.max(most, number), -Infinity);

// Unit by unit: a number, and a vector of one unit, is the same for all units.
function elementwise(compute) {
  return (...operands) => {
    if (operands.every((operand) => typeof operand === "number")) return compute(...operands);
    const vectors = operands.map((operand) => (typeof operand === "number" ? [operand] : operand));
    const units = vectors.map((vector) => vector.length).reduce((a, b) => Math.max(a, b));
    if (vectors.some((vector) => vector.length !== 1 && vector.length !== units)) {
      throw new Error("the operands differ in size");
    }
    const unit = (vector, number) => vector[vector.length === 1 ? 0 : number];
    return range(units).map((n) => compute(...vectors.map((vector) => unit(vector, n))));
  };
}

// Over the units of a vector, or of each group of neighbouring units where their number is given.
// `compute` yields a vector, or a number, which all units of a group get.
function overUnits(compute, arity = 1) {
  return (...operands) => {
    const vectors = operands.slice(0, arity);
    const groups = operands[arity];
    if (groups === undefined) return [compute(...vectors)].flat();
    const width = vectors[0].length / groups;
    return range(groups).flatMap((group) => {
      const members = vectors.map((v) => v.slice(group * width, (group + 1) * width));
      const value = compute(...members);
      return typeof value === "number" ? Array(width).fill(value) : value;
    });
  };
}

// Matrices of several heads lie one after the other, each with its share of rows and columns.
// `visit` gets the place of each entry, and its row and column, which are counted over all heads.
function forEachEntry(rows, columns, heads, visit) {
  const width = columns / heads;
  for (let row = 0; row < rows; row += 1) {
    const head = Math.floor((row * heads) / rows);
    for (let n = 0; n < width; n += 1) visit(row * width + n, row, head * width + n);
  }
}

function entries(rows, columns, heads, compute) {
  const matrix = Array((rows * columns) / heads);
  forEachEntry(rows, columns, heads, (place, row, column) => {
    matrix[place] = compute(place, row, column);
  });
  return matrix;
}

function multiplied(matrix, vector) {
  const columns = vector.length;
  return range(matrix.length / columns).map((row) =>
    vector.reduce((sum, number, column) => sum + matrix[row * columns + column] * number, 0));
}

function times(matrix, vector, heads) {
  const rows = (matrix.length * heads) / vector.length;
  const product = Array(rows).fill(0);
  forEachEntry(rows, vector.length, heads, (place, row, column) => {
    product[row] += matrix[place] * vector[column];
  });
  return product;
}

function timesTurned(matrix, vector, heads) {
  const columns = (matrix.length * heads) / vector.length;
  const product = Array(columns).fill(0);
  forEachEntry(vector.length, columns, heads, (place, row, column) => {
    product[column] += matrix[place] * vector[row];
  });
  return product;
}

function product(left, right) { // of two square matrices
  const count = Math.sqrt(left.length);
  return entries(count, count, 1, (_, row, column) =>
    added(range(count).map((n) => left[row * count + n] * right[n * count + column])));
}

const identity = (count) => entries(count, count, 1, (_, row, column) => Number(row === column));

function exponential(matrix) { // by scaling and squaring, as `primitives.exponentials` has it
  const count = Math.sqrt(matrix.length);
  const norm = largest(range(count).map((row) =>
    added(matrix.slice(row * count, (row + 1) * count).map(Math.abs))));
  const squarings = norm > 0 ? Math.max(0, Math.ceil(Math.log2(norm)) + 1) : 0;
  const scaled = matrix.map((entry) => entry / 2 ** squarings);
  let power = identity(count);
  let total = power;
  for (let term = 1; term <= 18; term += 1) {
    power = product(power, scaled).map((entry) => entry / term);
    total = total.map((entry, place) => entry + power[place]);
  }
  for (let n = 0; n < squarings; n += 1) total = product(total, total);
  return total;
}

function modulo(a, b) { // its sign is that of b
  const rest = a % b;
  return rest !== 0 && rest < 0 !== b < 0 ? rest + b : rest;
}

function sigmoid(a) {
  const e = Math.exp(-Math.abs(a)); // of the absolute value, so that nothing overflows
  return (a >= 0 ? 1 : e) / (1 + e);
}

const softplus = (a) => Math.max(a, 0) + Math.log1p(Math.exp(-Math.abs(a)));

// The power series where it converges fast, else the continued fraction of 1 - erf, from its end:
// Abramowitz and Stegun 1964, 7.1.6 and 7.1.14.
function erf(a) {
  const size = Math.abs(a);
  const scale = (2 / Math.sqrt(Math.PI)) * Math.exp(-size * size);
  if (size > 6) return Math.sign(a);
  if (size > 2.5) {
    let fraction = size;
    for (let n = 80; n > 0; n -= 1) fraction = size + n / 2 / fraction;
    return Math.sign(a) * (1 - scale / 2 / fraction);
  }
  let term = size;
  let sum = term;
  for (let n = 1; n < 60; n += 1) {
    term *= (2 * size * size) / (2 * n + 1);
    sum += term;
  }
  return Math.sign(a) * scale * sum;
}

function softmax(vector) {
  const most = largest(vector);
  const powers = vector.map((unit) => Math.exp(unit - most));
  const total = added(powers);
  return powers.map((power) => power / total);
}

const mean = (vector) => added(vector) / vector.length;

function layerNorm(vector) {
  const centre = mean(vector);
  const centred = vector.map((unit) => unit - centre);
  const deviation = Math.sqrt(mean(centred.map((unit) => unit * unit)) + 1e-5);
  return centred.map((unit) => unit / deviation);
}

function cumsum(vector) {
  let sum = 0;
  return vector.map((unit) => (sum += unit));
}

const OPERATIONS = {
  // arithmetic
  add: elementwise((a, b) => a + b),
  sub: elementwise((a, b) => a - b),
  mul: elementwise((a, b) => a * b),
  div: elementwise((a, b) => a / b),
  mod: elementwise(modulo),
  neg: elementwise((a) => -a),
  pow: elementwise((a, b) => a ** b),
  // activations
  sigmoid: elementwise(sigmoid),
  tanh: elementwise(Math.tanh),
  relu: elementwise((a) => Math.max(a, 0)),
  softplus: elementwise(softplus),
  softsign: elementwise((a) => a / (1 + Math.abs(a))),
  elu: elementwise((a) => (a > 0 ? a : Math.expm1(a))),
  hard_sigmoid: elementwise((a) => Math.min(Math.max(a / 6 + 0.5, 0), 1)),
  silu: elementwise((a) => a * sigmoid(a)),
  gelu: elementwise((a) => 0.5 * a * (1 + erf(a / Math.SQRT2))),
  leaky_relu: elementwise((a) => Math.max(a, 0.01 * a)),
  log_sigmoid: elementwise((a) => -softplus(-a)),
  erf: elementwise(erf),
  sign: elementwise(Math.sign),
  clip: elementwise((a, low, high) => Math.min(Math.max(a, low), high)),
  // elementary functions
  exp: elementwise(Math.exp),
  log: elementwise(Math.log),
  sqrt: elementwise(Math.sqrt),
  abs: elementwise(Math.abs),
  sin: elementwise(Math.sin),
  cos: elementwise(Math.cos),
  floor: elementwise(Math.floor),
  minimum: elementwise((a, b) => Math.min(a, b)),
  maximum: elementwise((a, b) => Math.max(a, b)),
  // conditions
  less: elementwise((a, b) => Number(a < b)),
  less_equal: elementwise((a, b) => Number(a <= b)),
  greater: elementwise((a, b) => Number(a > b)),
  greater_equal: elementwise((a, b) => Number(a >= b)),
  equal: elementwise((a, b) => Number(a === b)),
  not_equal: elementwise((a, b) => Number(a !== b)),
  where: elementwise((condition, a, b) => (condition !== 0 ? a : b)),
  // products and layout
  matmul: multiplied,
  transposed: (matrix, columns) => {
    const rows = matrix.length / columns;
    return entries(columns, rows, 1, (_, row, column) => matrix[column * columns + row]);
  },
  stack: (...vectors) => vectors.flat(),
  // over the units of a vector
  sum: overUnits(added),
  mean: overUnits(mean),
  max: overUnits(largest),
  norm: overUnits((a) => Math.sqrt(added(a.map((unit) => unit * unit)))),
  dot: overUnits((a, b) => added(a.map((unit, n) => unit * b[n])), 2),
  softmax: overUnits(softmax),
  layer_norm: overUnits(layerNorm),
  cumsum: overUnits(cumsum),
  cumax: overUnits((a) => cumsum(softmax(a))),
  // matrices that a step computes; the last operand is the number of heads
  outer: (a, b, heads) =>
    entries(a.length, b.length, heads, (_, row, column) => a[row] * b[column]),
  times,
  times_turned: timesTurned,
  rows_scaled: (scale, matrix, heads) =>
    entries(scale.length, (matrix.length * heads) / scale.length, heads,
      (place, row) => scale[row] * matrix[place]),
  columns_scaled: (matrix, scale, heads) =>
    entries((matrix.length * heads) / scale.length, scale.length, heads,
      (place, _, column) => matrix[place] * scale[column]),
  entries: (matrix) => matrix,
  as_weight: (matrix) => matrix,
  matrix_exponential: exponential,
  // random numbers while a layer trains: here their mean
  bernoulli: (mean) => mean,
};
