"""Every error segxal raises on purpose: what was given, what was expected, what to do next."""


class SegxalError(Exception):
    """Base of all errors of this package; catch it to catch them all."""


class ShapeError(SegxalError, ValueError):
    """An array has the wrong number of dimensions, size or data type."""


class ConfigError(SegxalError, ValueError):
    """A preset, a parameter or an option is unknown or out of range."""


class DataMissing(SegxalError, FileNotFoundError):
    """A data set, or a part of it, was not found where it was expected."""


class DataInvalid(SegxalError, ValueError):
    """A file of a data set exists but cannot be used (corrupt, wrong size, unknown class id)."""


class AnnotationError(SegxalError, ValueError):
    """An oracle's answer does not fit the image it was asked about."""


class AnnotationsWanted(SegxalError, RuntimeError):
    """A cycle waits for people to annotate; not a failure. The message says what to do."""


class ServerError(SegxalError, ConnectionError):
    """A Label Studio server cannot be reached, or refuses."""


class CheckpointMismatch(SegxalError, ValueError):
    """Saved weights or state belong to another model or another configuration."""


class TrainingDiverged(SegxalError, ArithmeticError):
    """The loss became NaN or infinite."""


class StorageError(SegxalError, OSError):
    """State could not be written (disk full, folder not writable); what was there is intact."""


class WeightsMissing(SegxalError, FileNotFoundError):
    """The weights of a network are neither on this machine nor downloadable from it."""
