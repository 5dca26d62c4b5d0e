"""Front ends: model files in, `Network` out."""
