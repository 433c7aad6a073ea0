package embedded

// NewWithin is New with another bound of the vectors that are kept, in bytes.
func NewWithin(path string, room int64) *Index { return &Index{path: path, room: room} }

// Keeps tells how many vectors are kept.
func (x *Index) Keeps() int {
	k := x.kept.Load()
	if k == nil {
		return 0
	}
	return len(k.passages)
}
