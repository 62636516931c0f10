"""The privacy desk: what people may ask for (a copy, correction, restriction, erasure), and carrying it out."""
