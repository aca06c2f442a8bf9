"""One module for each ecosystem behind one Protocol, registered in one literal dict."""
