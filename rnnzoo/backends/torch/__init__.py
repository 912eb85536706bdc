"""torch, for layers only: the only folder that imports torch.

backend     what the contract asks for layers
"""
