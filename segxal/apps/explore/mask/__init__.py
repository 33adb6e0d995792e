"""A person weighs entropy and explanation of one image and sees the error mask, its price and what it finds."""
