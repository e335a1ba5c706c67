from .fsq import FSQ
from .lfq import LFQ
from .vector_quantize import VECTOR_QUANTIZE

TABLES = (VECTOR_QUANTIZE, FSQ, LFQ)
