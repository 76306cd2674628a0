"""Data: everything is checked at the door, named by file row, subject and column."""

from workbench.data.dataset import Dataset, DatasetInfo, read_dataset
from workbench.data.population import Population

__all__ = ["Dataset", "DatasetInfo", "Population", "read_dataset"]
