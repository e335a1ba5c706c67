from .binary_mapper import BINARY_MAPPER
from .fsp import FSP
from .fsq import FSQ
from .hierarchical_vq import HIERARCHICAL_VQ
from .latent_quantize import LATENT_QUANTIZE
from .lfq import LFQ
from .random_projection import RANDOM_PROJECTION
from .residual_scalar import RESIDUAL_SCALAR
from .residual_vq import RESIDUAL_VQ
from .sim_vq import SIM_VQ
from .vector_quantize import VECTOR_QUANTIZE

TABLES = (VECTOR_QUANTIZE, RESIDUAL_VQ, SIM_VQ, RESIDUAL_SCALAR, RANDOM_PROJECTION, HIERARCHICAL_VQ, FSQ, LFQ, BINARY_MAPPER, FSP, LATENT_QUANTIZE)
