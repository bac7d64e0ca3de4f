"""What tests share: real servers, browsers and files, and how to wait for them."""
