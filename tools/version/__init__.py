"""A version: all the files a board holds for one state of the application, and how it gets them."""
