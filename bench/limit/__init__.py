"""Servers beside the limit: what a server in C on epoll computes for the same."""
