"""The bare trainer: a small training in NumPy and compiled loops, without Keras and what it brings.

XLA compiles every new cell for some two seconds, however little is trained.  Where thousands of
cells are trained for a second each, that is most of the time.  A trial here is the same training as
under `rnnzoo.nn`: equal weights, data, loss and updates, and curves that differ in the last digits
only.  It can do less, and says in words what it cannot.

    weights     the weights that a training begins with, all of them one vector
    batches     sequences of a split whose steps lie one after the other, without padding
    loops       the loops over time, compiled, or interpreted where there is no compiler
    layer       one recurrent layer: outputs, and gradients of its weights
    update      how the weights follow their gradients
    able        what this trainer can do, and in words why not
    model       layer, read-out, loss and updates of a trial on its task
    train       Trial -> Outcome
    filter      the same for candidates of a search over cells: over as soon as it is known whether
                they pass

Nothing here imports Keras, TensorFlow or JAX.
"""
