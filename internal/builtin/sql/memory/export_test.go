package memory

// Used are the bytes of all accounts.
func Used() int64 { return accounts.used.Load() }
