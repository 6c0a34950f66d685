"""One module per page. A page reads state, calls the façade, shows, and stores a choice; it computes nothing."""
