package embedded

import (
	"cmp"
	"slices"
)

// scored is a passage by its number, and what it is worth: by meaning the cosine of its vector
// with the one that is looked for, by words the weight of those that it has.
type scored struct {
	passage int64
	score   float64
}

// better orders the best first, and by number those that are worth as much.
func better(a, b scored) int {
	return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.passage, b.passage))
}

// among puts a passage into a list of the best, of which there are so many at most.
func among(best []scored, s scored, most int) []scored {
	if len(best) == most && better(s, best[most-1]) > 0 {
		return best
	}
	at, _ := slices.BinarySearchFunc(best, s, better)
	best = slices.Insert(best, at, s)
	return best[:min(len(best), most)]
}

// nearest are the passages of the documents whose vectors are nearest to one of length 1,
// at most so many, the nearest first. Each of them is compared.
func (k *kept) nearest(to []float32, documents map[int64]bool, most int) []scored {
	best := make([]scored, 0, most+1)
	for i, document := range k.documents {
		if !documents[document] {
			continue
		}
		best = among(best, scored{k.passages[i], float64(dot(to, k.vectors[i*k.dimensions:(i+1)*k.dimensions]))}, most)
	}
	return best
}

// dot is the scalar product of two vectors of as many dimensions. It adds up eight sums, so
// that no addition waits for the one before it.
func dot(a, b []float32) float32 {
	var s [8]float32
	for len(a) >= 8 && len(b) >= 8 {
		s[0] += a[0] * b[0]
		s[1] += a[1] * b[1]
		s[2] += a[2] * b[2]
		s[3] += a[3] * b[3]
		s[4] += a[4] * b[4]
		s[5] += a[5] * b[5]
		s[6] += a[6] * b[6]
		s[7] += a[7] * b[7]
		a, b = a[8:], b[8:]
	}
	for i := range min(len(a), len(b)) {
		s[0] += a[i] * b[i]
	}
	return ((s[0] + s[1]) + (s[2] + s[3])) + ((s[4] + s[5]) + (s[6] + s[7]))
}
