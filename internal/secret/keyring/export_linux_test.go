package keyring

// ListensAs refuses a socket on which another user listens.
var ListensAs = listensAs
