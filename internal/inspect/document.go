package inspect

import (
	"slices"

	"doorward/internal/gate"
	"doorward/internal/inspect/injection"
	"doorward/internal/inspect/reveal"
	"doorward/internal/inspect/secrets"
)

// Document looks at the text of a document before it is kept and given to an embedder: what
// is hidden in it, what speaks to a model, and secrets. The rules by which something was
// found are sorted, each once.
func Document(text string) (rules []string, worst gate.Severity) {
	hidden, layers := reveal.Read(text)
	for _, found := range [...][]gate.Finding{hidden, injection.ScanLayers(text, layers), secrets.Scan(text)} {
		for i := range found {
			rules = append(rules, found[i].Rule)
			worst = max(worst, found[i].Severity)
		}
	}
	slices.Sort(rules)
	return slices.Compact(rules), worst
}
