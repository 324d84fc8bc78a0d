"""The published reports: an Evidence site of the marts, built, served, printed, photographed."""
