"""A drop-in replacement of the rwkv package: wkv.rwkv.model and wkv.rwkv.utils."""
