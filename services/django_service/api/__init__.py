"""What the apps' views share: how requests are read and judged, how answers and problems are written."""
