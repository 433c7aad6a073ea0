package pdf

// For tests.
const (
	MaxPages   = maxPages
	MaxObjects = maxObjects
)
