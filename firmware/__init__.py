"""httpd32: a web server for ESP32 boards that keeps answering."""
