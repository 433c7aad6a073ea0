package embedded

import "context"

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

// Reads begins a call, and returns what asks the file that it reads from, and what ends it.
func (x *Index) Reads(ctx context.Context) (ask func() error, end func(), err error) {
	o, err := x.reading(ctx)
	if err != nil {
		return nil, nil, err
	}
	return func() error { return o.db.PingContext(ctx) }, func() { x.leave(o) }, nil
}
