// Package sparse makes vectors of words, for stores that search by words with these.
package sparse

import (
	"hash/fnv"
	"strings"

	"doorward/internal/docs"
)

// Vector is one of words: the numbers that they hash to, each once.
type Vector struct {
	Indices []uint32  `json:"indices"`
	Values  []float64 `json:"values"`
}

// Constants of BM25 (Robertson, Zaragoza, 2009): how soon more of a word stops to count,
// how much a long text loses, and how many words one has that loses nothing.
const (
	saturation = 1.2
	shortening = 0.75
	usual      = 150
)

// Spoken is the vector of a text's words by BM25, without how rare they are: a store may count
// that itself.
func Spoken(text string) Vector {
	all := strings.Fields(docs.Spoken(text))
	times := map[uint32]int{}
	var v Vector
	for _, w := range all {
		n := number(w)
		if times[n]++; times[n] == 1 {
			v.Indices = append(v.Indices, n)
		}
	}
	long := saturation * (1 - shortening + shortening*float64(len(all))/usual)
	for _, n := range v.Indices {
		tf := float64(times[n])
		v.Values = append(v.Values, tf*(saturation+1)/(tf+long))
	}
	return v
}

// Asked is the vector of a question's words.
func Asked(question string) Vector {
	var v Vector
	seen := map[uint32]bool{}
	for _, w := range docs.Terms(question, docs.MaxTerms) {
		if n := number(w); !seen[n] {
			seen[n] = true
			v.Indices, v.Values = append(v.Indices, n), append(v.Values, 1)
		}
	}
	return v
}

func number(word string) uint32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(word)) // it never fails
	return h.Sum32()
}
