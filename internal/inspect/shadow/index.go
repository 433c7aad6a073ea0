package shadow

import (
	"cmp"
	"hash/fnv"
	"slices"
	"strings"
)

// Bounds of what one tool is compared with: what is beyond is left out, the same
// ones each time. A text of ten thousand tools keeps its time.
const (
	maxBucket = 32 // entries that share a key
	maxOwned  = 4  // of these, of one upstream: nobody fills the place of others with decoys
	sketch    = 8  // shingles of a text by which another is found
)

// An entry is a tool as it is compared.
type entry struct {
	Tool
	skeleton string   // of the name: what it reads like
	words    []string // of the name
	shingles []uint64 // of the description, sorted: pairs of words
}

// Index knows the tools of all upstreams. It is read only once it is built.
type Index struct {
	entries   []entry
	skeletons map[string][]int // exact, and with one letter left out
	shingles  map[uint64][]int
	names     map[string][]int    // the name in small letters
	made      map[string][]string // words, each with up to two names that are made of it
	likes     likes               // upstreams that are one server run twice
}

// Of makes an index. The order of tools has no meaning.
func Of(tools []Tool) *Index {
	tools = slices.Clone(tools)
	slices.SortFunc(tools, func(a, b Tool) int {
		return cmp.Or(cmp.Compare(a.Upstream, b.Upstream), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Description, b.Description))
	})
	x := &Index{
		skeletons: map[string][]int{}, shingles: map[uint64][]int{}, names: map[string][]int{},
		made: map[string][]string{},
	}
	for i := range tools {
		x.entries = append(x.entries, x.entry(&tools[i]))
	}
	for _, trusted := range [...]bool{true, false} { // what is approved has the first places
		for i := range x.entries {
			if x.entries[i].Trusted == trusted {
				x.enter(i)
			}
		}
	}
	x.likes = likesOf(x.entries)
	return x
}

// enter puts an entry where it is looked up.
func (x *Index) enter(i int) {
	e := &x.entries[i]
	for _, key := range deletions(e.skeleton) {
		put(x, x.skeletons, key, i)
	}
	for _, h := range e.shingles[:min(sketch, len(e.shingles))] {
		put(x, x.shingles, h, i)
	}
	put(x, x.names, strings.ToLower(e.Name), i)
	for _, w := range e.words {
		if made := x.made[w]; len(made) < 2 && !slices.Contains(made, e.Name) {
			x.made[w] = append(made, e.Name)
		}
	}
}

func put[K comparable](x *Index, m map[K][]int, key K, i int) {
	list := m[key]
	owned := 0
	for _, j := range list {
		if x.entries[j].Upstream == x.entries[i].Upstream {
			owned++
		}
	}
	if len(list) < maxBucket && owned < maxOwned {
		m[key] = append(list, i)
	}
}

func (x *Index) entry(t *Tool) entry {
	e := entry{Tool: *t, words: split(t.Name)}
	e.skeleton = skeleton(t.Name)
	e.shingles = shingles(t.Description)
	return e
}

// candidates are the entries that may be alike, in order.
func (x *Index) candidates(e *entry) []*entry {
	found := map[int]bool{}
	for _, key := range deletions(e.skeleton) {
		for _, i := range x.skeletons[key] {
			found[i] = true
		}
	}
	for _, key := range stems(e.words) {
		for _, i := range x.skeletons[key] {
			found[i] = true
		}
	}
	for _, h := range e.shingles[:min(sketch, len(e.shingles))] {
		for _, i := range x.shingles[h] {
			found[i] = true
		}
	}
	order := make([]int, 0, len(found))
	for i := range found {
		order = append(order, i)
	}
	slices.Sort(order)
	list := make([]*entry, 0, len(order))
	for _, i := range order {
		list = append(list, &x.entries[i])
	}
	return list
}

// shingles are hashes of the pairs of words of a text, sorted, none twice.
func shingles(text string) []uint64 {
	const most = 2048 // pairs of one text
	list := prose(text)
	var out []uint64
	for i := 0; i+1 < len(list) && i < most; i++ {
		h := fnv.New64a()
		_, _ = h.Write([]byte(list[i]))
		_, _ = h.Write([]byte{' '})
		_, _ = h.Write([]byte(list[i+1]))
		out = append(out, h.Sum64())
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// alike is the share of pairs of words that two texts have in common, from 0 to
// 1, and the share of the smaller one's that are in the other.
func alike(a, b []uint64) (jaccard, within float64) {
	if len(a) == 0 || len(b) == 0 {
		return 0, 0
	}
	both := 0
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch {
		case a[i] < b[j]:
			i++
		case a[i] > b[j]:
			j++
		default:
			both++
			i++
			j++
		}
	}
	return float64(both) / float64(len(a)+len(b)-both), float64(both) / float64(min(len(a), len(b)))
}
