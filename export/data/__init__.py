"""Labelled videos in, pictures and labels out."""
