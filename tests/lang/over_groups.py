"""A cell with every operation over units, whole and in groups; its numbers fill vectors."""

OVER_GROUPS = """\
name: over_groups
options: {heads: 3}
equations: |
  a = layer_norm(W @ x) + softmax(h[t-1], heads) + cumax(b) + cumsum(h[t-1], heads)
  s = 0.5 * s[t-1] + mean(a) + dot(a, b) + norm(a) + max(a)
  c = layer_norm(a, heads) + dot(a, b, heads) + mean(a, heads) - max(a, heads) + norm(b, heads)
  r = 1
  n = sum(h[t-1]) + n[t-1]
  q = R @ r
  h = tanh(a + s + c + q + n) + where(t > 2, k, b) + clip(a, -0.5, b) + clip(a, 0, heads)
  k = 0.5
"""
