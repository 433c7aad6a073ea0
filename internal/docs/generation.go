package docs

import (
	"crypto/rand"
	"strings"
)

// NewGeneration is a name that no generation had before: 16 small letters and digits, of
// which the first is a letter, so that stores take it in the names of their own.
func NewGeneration() string { return "g" + strings.ToLower(rand.Text()[:15]) }
