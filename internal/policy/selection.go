package policy

import "fmt"

// Selection is a set of items by pattern, as a rule's tools are written: other
// parts of the configuration name tools in the same way. Nil selects nothing.
type Selection struct{ named named }

// Select compiles patterns; the error names the first that is none.
func Select(patterns []string) (*Selection, error) {
	s := &Selection{}
	for _, p := range patterns {
		if err := s.named.add(p, &hit{text: p}, false); err != nil {
			return nil, fmt.Errorf("pattern %q: %w", shorten(p), err)
		}
	}
	return s, nil
}

// Has tells whether one of the patterns matches the item of the upstream.
func (s *Selection) Has(upstream, name string) bool {
	return s != nil && !s.named.each(upstream, name, func(*hit) bool { return false })
}
