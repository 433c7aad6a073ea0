package pdf

import "time"

// For tests.
const (
	MaxPages   = maxPages
	MaxObjects = maxObjects
)

// Hurry gives a file less time than usual, until done is called. No file is read meanwhile that has begun before.
func (r *Reader) Hurry(d time.Duration) (done func()) {
	r.turn <- struct{}{}
	defer func() { <-r.turn }()
	was := r.patience
	r.patience = d
	return func() { r.patience = was }
}
