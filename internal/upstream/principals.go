package upstream

// ClosePrincipals ends what is open for principals that are let in no more, by their keys:
// sessions, processes and the lists that were read for them. App calls it.
func (p *Pool) ClosePrincipals(gone func(key string) bool) {
	for _, s := range p.list() {
		s.kept.forget(gone)
		s.closeAside(s.take(func(c *channel) bool { return c.key.owner.kind == ofPrincipal && gone(c.key.owner.key) }))
	}
}

// forget drops the lists of principals that are gone.
func (k *keptLists) forget(gone func(principal string) bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for key := range k.of {
		if key.principal != "" && gone(key.principal) {
			k.drop(key)
		}
	}
}
