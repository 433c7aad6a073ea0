package main

import (
	"hash/fnv"
	"math"
	"path/filepath"
	"strings"
)

// source is one corpus file, or one generator.
type source struct {
	name string // for people: a path, or the generator's name
	read func() ([]Case, error)
}

// directory are the corpus files of a directory.
func directory(dir string) ([]source, error) {
	files, err := corpusFiles(dir)
	if err != nil {
		return nil, err
	}
	list := make([]source, 0, len(files))
	for _, path := range files {
		list = append(list, source{name: path, read: func() ([]Case, error) { return readFile(path) }})
	}
	return list, nil
}

// Where the corpora of the repository are, from its root.
const (
	ownCorpus     = "internal/inspect/testdata/corpus"
	othersCorpora = "internal/detect/testdata"
)

// repositorySources are the committed corpora and the generated ones.
func repositorySources(root string) ([]source, error) {
	var list []source
	for _, dir := range []string{ownCorpus, othersCorpora} {
		files, err := directory(filepath.Join(root, filepath.FromSlash(dir)))
		if err != nil {
			return nil, err
		}
		for _, s := range files {
			s.name = strings.TrimPrefix(s.name, root+string(filepath.Separator))
			list = append(list, s)
		}
	}
	return append(list, generators()...), nil
}

// generators make what nobody publishes, by technique.
func generators() []source {
	of := func(name string, cases func(corpus string) []Case) source {
		return source{name: name, read: func() ([]Case, error) { return cases(name), nil }}
	}
	return []source{
		of("generated-hidden", func(n string) []Case { return hiddenCases(n, hiddenUnicode, hidings) }),
		of("generated-markup", func(n string) []Case { return hiddenCases(n, hiddenMarkup, layouts) }),
		of("generated-positions", positionCases),
		of("generated-parameters", parameterCases),
		of("generated-changes", changeCases),
		of("generated-secrets", secretCases),
	}
}

// sample leaves at most about most cases of each corpus, class and label: always
// the same ones, and servers whole, for neighbours matter.
func sample(cases []Case, most int) []Case {
	group := func(c *Case) string {
		return strings.Join([]string{c.Corpus, c.Class, c.Label, c.Surface}, "\x00")
	}
	sizes := map[string]int{}
	for i := range cases {
		sizes[group(&cases[i])]++
	}
	var kept []Case
	for i := range cases {
		c := &cases[i]
		key := c.ID
		if shares(c) {
			key = c.Server
		}
		if portion(key) < float64(most)/float64(sizes[group(c)]) {
			kept = append(kept, *c)
		}
	}
	return kept
}

// portion is a number from 0 to 1 that depends on s alone.
func portion(s string) float64 {
	h := fnv.New64a()
	h.Write([]byte(s))
	x := h.Sum64() // FNV's high bits differ little between short strings: mix as SplitMix64 does
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return float64(x^x>>31) / math.MaxUint64
}
