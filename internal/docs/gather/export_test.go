package gather

// SetEntries bounds the directories of a tree.
func SetEntries(t *Tree, n int) { t.most = n }

// Bounds of sitemaps, and their reader.
const (
	MaxURL    = maxURL
	MaxListed = maxListed
)

// Locations is locations.
func Locations(raw []byte, size *int) (pages, maps []string, err error) { return locations(raw, size) }
