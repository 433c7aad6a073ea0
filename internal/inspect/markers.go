package inspect

import (
	"context"
	"fmt"
	"strings"

	"doorward/internal/gate"
	"doorward/internal/inspect/secrets"
)

// Markers are texts that are one tenant's alone (trust.markers): in an answer to anybody
// else they say that an upstream has mixed tenants up. Any number of goroutines may use them.
type Markers struct{ known *secrets.Canaries }

// The class of findings about tenants, and the one that there is. Nothing lets it pass.
const (
	tenantClass  = "tenant"
	tenantMarker = "tenant.marker"
)

// NewMarkers makes them of texts by tenant; nil without any. A text has 12 bytes, and eight
// letters and digits, at least.
func NewMarkers(byTenant map[string][]string) (*Markers, error) {
	values := map[string]string{}
	for tenant, all := range byTenant {
		for i, text := range all {
			values[fmt.Sprintf("%d\x00%s", i, tenant)] = text
		}
	}
	if len(values) == 0 {
		return nil, nil //nolint:nilnil // none are known
	}
	known, err := secrets.NewCanaries(values)
	if err != nil {
		return nil, err
	}
	return &Markers{known}, nil
}

// foreign finds the markers in a text that are of another tenant than who is answered.
// Who is of none is given nobody's. The text of a finding is the tenant.
func (m *Markers) foreign(ex *gate.Exchange, text string) []gate.Finding {
	if m == nil {
		return nil
	}
	own := ""
	if ex.Principal != nil {
		own = ex.Principal.Tenant
	}
	var found []gate.Finding
	for _, f := range m.known.Find(text) {
		_, tenant, _ := strings.Cut(f.Text, "\x00")
		if tenant == own {
			continue
		}
		f.Rule, f.Text, f.Why = tenantMarker, tenant, "The text is a marker of tenant "+tenant+", and goes to somebody else."
		found = append(found, f)
	}
	return found
}

// crossed tells of a tenant's text that was on its way to somebody else.
func (s *Stage) crossed(ctx context.Context, ex *gate.Exchange, found []gate.Finding) error {
	for i := range found {
		if f := &found[i]; f.Rule == tenantMarker {
			if err := s.Foreign(ctx, ex, f.Text, *f); err != nil {
				return fmt.Errorf("telling of a marker: %w", err)
			}
			return nil
		}
	}
	return nil
}
