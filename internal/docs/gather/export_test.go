package gather

// SetEntries bounds the directories of a tree.
func SetEntries(t *Tree, n int) { t.most = n }
