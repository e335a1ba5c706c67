from .binary_mapper import BINARY_MAPPER
from .fsp import FSP
from .fsq import FSQ
from .latent_quantize import LATENT_QUANTIZE
from .lfq import LFQ
from .residual_vq import RESIDUAL_VQ
from .vector_quantize import VECTOR_QUANTIZE

TABLES = (VECTOR_QUANTIZE, RESIDUAL_VQ, FSQ, LFQ, BINARY_MAPPER, FSP, LATENT_QUANTIZE)
