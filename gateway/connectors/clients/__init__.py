"""Carriers that speak one of the five APIs that the gateway itself speaks: the old provider while a company moves, or another Dragoman.

A file for each, written from the other side of the same contract. They share the lane of :mod:`gateway.connectors.http_lane` and nothing of
the dialects, which live on the other side of the house.
"""
