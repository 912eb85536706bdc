// Functions of one number, float or double, as `operations` writes them.  A comparison with NaN is
// false, so NaN is the branch that is not chosen.
#include <math.h>

#ifndef INLINE
#define INLINE static inline __attribute__((always_inline, unused))
#endif
#define OF_ONE(name, form) \
  template <class R>       \
  INLINE R name(R a) {     \
    return form;           \
  }

INLINE float truth(bool a) { return a; }
template <class R>
INLINE R least(R a, R b) { return a < b || a != a ? a : b; }
template <class R>
INLINE R largest(R a, R b) { return a > b || a != a ? a : b; }
template <class R>
INLINE R choose(R condition, R a, R b) { return condition != 0 ? a : b; }
template <class R>
INLINE R clip(R a, R low, R high) { return least(largest(a, low), high); }
template <class R>
INLINE R power_of(R a, R b) { return pow(a, b); }
template <class R>
INLINE R leaky_relu(R a, double leak) { return largest(a, a * R(leak)); }
OF_ONE(absolute, fabs(a))
OF_ONE(exponential, exp(a))
OF_ONE(logarithm, log(a))
OF_ONE(root, sqrt(a))
OF_ONE(sine, sin(a))
OF_ONE(cosine, cos(a))
OF_ONE(whole_below, floor(a))
OF_ONE(error_function, erf(a))
OF_ONE(hyperbolic_tangent, tanh(a))
OF_ONE(softplus, largest(a, R(0)) + log1p(exp(-fabs(a))))
OF_ONE(relu, a < 0 ? R(0) : a)
OF_ONE(elu, a > 0 ? a : expm1(a))
OF_ONE(sign, a != a ? a : R((a > 0) - (a < 0)))
OF_ONE(hard_sigmoid, clip(a / 6 + R(0.5), R(0), R(1)))
OF_ONE(gelu, a * R(0.5) * (1 + erf(a * R(0.7071067811865476))))
template <class R>
INLINE R sigmoid(R a) {
  R e = exp(-fabs(a));
  return (a < 0 ? e : R(1)) / (1 + e);
}
template <class R>
INLINE R remainder_in_steps(R a, R b) {
  R rest = fmod(a, b);
  return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}
INLINE float remainder_of(float a, float b) { return remainder_in_steps(a, b); }
INLINE double remainder_of(double a, double b) {  // its sign is that of b
  const double times = floor(a / b);
  if (!(fabs(times) < 4503599627370496.0) || !(fabs(b) < INFINITY))  // 2^52
    return remainder_in_steps(a, b);
  double rest = fma(-times, b, a);
  // the quotient is rounded: it may have come to the next whole number
  return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}
