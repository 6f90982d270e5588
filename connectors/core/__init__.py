"""What every part of Parley shares: values, settings, the lake and landing."""
