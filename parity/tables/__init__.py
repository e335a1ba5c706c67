from .fsq import FSQ
from .vector_quantize import VECTOR_QUANTIZE

TABLES = (VECTOR_QUANTIZE, FSQ)
