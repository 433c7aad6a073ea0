package admin

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// IncidentSubject is what an incident is about, or what is suspended. Of a principal
// and an address the value is a tag, the same wherever it is the same, unless it was
// asked for open.
type IncidentSubject struct {
	// Kind is principal, key, session, address, upstream, tool, tenant or everything;
	// of what an incident is about also gateway and many.
	Kind   string `json:"kind"`
	Realm  string `json:"realm,omitempty"`  // of a principal: who vouches for it; of a tool: its upstream
	Tenant string `json:"tenant,omitempty"` // of a principal; empty: in every tenant
	Value  string `json:"value,omitempty"`
	// Erased tells that the person was erased: the value is a tag for good.
	Erased bool `json:"erased,omitempty"`
}

// Containment is one thing that was suspended for an incident.
type Containment struct {
	ID string `json:"id,omitempty"`
	IncidentSubject
	Since    time.Time `json:"since,omitzero"`
	Until    time.Time `json:"until,omitzero"` // zero: until it is released
	By       string    `json:"by,omitempty"`
	Reason   string    `json:"reason,omitempty"`
	Released time.Time `json:"released,omitzero"`
	InForce  bool      `json:"in_force"`
}

// IncidentStep is one line of an incident's timeline.
type IncidentStep struct {
	ID          string    `json:"id,omitempty"`
	At          time.Time `json:"at,omitzero"`
	Actor       string    `json:"actor,omitempty"` // "rule:NAME", "uid:1000", "doorward"
	Kind        string    `json:"kind"`            // opened, alert, contained, released, note, notified, closed
	Text        string    `json:"text,omitempty"`
	To          string    `json:"to,omitempty"` // of notified: who was told
	Containment string    `json:"containment,omitempty"`
	Alert       string    `json:"alert,omitempty"`
	Count       int64     `json:"count,omitempty"`
	Exchanges   []string  `json:"exchanges,omitempty"` // ids in the audit log
}

// Incident is something that somebody has to look into.
type Incident struct {
	ID           string            `json:"id"`
	State        string            `json:"state"` // open, contained, recovered, closed
	Severity     string            `json:"severity"`
	Title        string            `json:"title"`
	Opened       time.Time         `json:"opened"`
	By           string            `json:"by"`
	Rule         string            `json:"rule,omitempty"`
	Closed       time.Time         `json:"closed,omitzero"`
	About        []IncidentSubject `json:"about"`
	Containments []Containment     `json:"containments"`
	Steps        []IncidentStep    `json:"steps"`
	Names        bool              `json:"names"` // subjects and addresses are shown as they are
}

// NewIncident asks for an incident.
type NewIncident struct {
	Title    string            `json:"title"`
	Severity string            `json:"severity"`
	About    []IncidentSubject `json:"about,omitempty"`
	Text     string            `json:"text,omitempty"`
}

// ContainRequest asks to suspend something.
type ContainRequest struct {
	Incident string `json:"incident"` // its id; empty: a new one is opened for it
	IncidentSubject
	For    time.Duration `json:"for,omitempty"` // in nanoseconds; 0: until it is released
	Reason string        `json:"reason"`
}

// IncidentAct is what somebody does about an incident: its id and why, and where it
// is about one containment that one's id.
type IncidentAct struct {
	Incident    string `json:"incident"`
	Containment string `json:"containment,omitempty"`
	Reason      string `json:"reason,omitempty"`
}

// IncidentNote is a note, or with To a mark that somebody was told.
type IncidentNote struct {
	Incident string `json:"incident"`
	Text     string `json:"text"`
	To       string `json:"to,omitempty"`
}

// Incidents is the care of what people look into.
type Incidents interface {
	// ListIncidents are all that are kept, the newest first, with tags for names.
	ListIncidents(ctx context.Context) ([]Incident, error)
	ShowIncident(ctx context.Context, id string) (Incident, error)
	// RevealIncident is ShowIncident with names. That they were asked for is on record.
	RevealIncident(ctx context.Context, actor, id string) (Incident, error)
	OpenIncident(ctx context.Context, actor string, n NewIncident) (Incident, error)
	CloseIncident(ctx context.Context, actor string, c IncidentAct) (Incident, error)
}

// Containments is what is done for an incident.
type Containments interface {
	Contain(ctx context.Context, actor string, c ContainRequest) (Incident, error)
	Release(ctx context.Context, actor string, c IncidentAct) (Incident, error)
	NoteIncident(ctx context.Context, actor string, n IncidentNote) (Incident, error)
}

// Response is incidents, and what is suspended for them.
type Response interface {
	Incidents
	Containments
	Losses
	Investigation
}

// ListIncidents implements Incidents.
func (c *Client) ListIncidents(ctx context.Context) ([]Incident, error) {
	return do[[]Incident](ctx, c, "/v1/incidents", nil)
}

// ShowIncident implements Incidents.
func (c *Client) ShowIncident(ctx context.Context, id string) (Incident, error) {
	return do[Incident](ctx, c, "/v1/incidents/"+url.PathEscape(id), nil)
}

// RevealIncident implements Incidents.
func (c *Client) RevealIncident(ctx context.Context, _, id string) (Incident, error) {
	return do[Incident](ctx, c, "/v1/incidents/reveal", IncidentAct{Incident: id})
}

// OpenIncident implements Incidents.
func (c *Client) OpenIncident(ctx context.Context, _ string, n NewIncident) (Incident, error) {
	return do[Incident](ctx, c, "/v1/incidents", n)
}

// CloseIncident implements Incidents.
func (c *Client) CloseIncident(ctx context.Context, _ string, a IncidentAct) (Incident, error) {
	return do[Incident](ctx, c, "/v1/incidents/close", a)
}

// Contain implements Containments.
func (c *Client) Contain(ctx context.Context, _ string, r ContainRequest) (Incident, error) {
	return do[Incident](ctx, c, "/v1/incidents/contain", r)
}

// Release implements Containments.
func (c *Client) Release(ctx context.Context, _ string, a IncidentAct) (Incident, error) {
	return do[Incident](ctx, c, "/v1/incidents/release", a)
}

// NoteIncident implements Containments.
func (c *Client) NoteIncident(ctx context.Context, _ string, n IncidentNote) (Incident, error) {
	return do[Incident](ctx, c, "/v1/incidents/note", n)
}

func incidentRoutes() []Route {
	return []Route{
		{"GET /v1/incidents", IncidentsRead, func(op Operator, _ string, r *http.Request) (any, error) {
			return op.ListIncidents(r.Context())
		}},
		{"GET /v1/incidents/{id}", IncidentsRead, func(op Operator, _ string, r *http.Request) (any, error) {
			return op.ShowIncident(r.Context(), r.PathValue("id"))
		}},
		{"POST /v1/incidents/reveal", RecordsOpen, withBody(func(ctx context.Context, op Operator, actor string, a IncidentAct) (any, error) {
			return op.RevealIncident(ctx, actor, a.Incident)
		})},
		{"POST /v1/incidents", IncidentsAct, withBody(func(ctx context.Context, op Operator, actor string, n NewIncident) (any, error) {
			return op.OpenIncident(ctx, actor, n)
		})},
		{"POST /v1/incidents/close", IncidentsAct, withBody(func(ctx context.Context, op Operator, actor string, a IncidentAct) (any, error) {
			return op.CloseIncident(ctx, actor, a)
		})},
		{"POST /v1/incidents/contain", IncidentsAct, withBody(func(ctx context.Context, op Operator, actor string, c ContainRequest) (any, error) {
			return op.Contain(ctx, actor, c)
		})},
		{"POST /v1/incidents/release", IncidentsAct, withBody(func(ctx context.Context, op Operator, actor string, a IncidentAct) (any, error) {
			return op.Release(ctx, actor, a)
		})},
		{"POST /v1/incidents/note", IncidentsAct, withBody(func(ctx context.Context, op Operator, actor string, n IncidentNote) (any, error) {
			return op.NoteIncident(ctx, actor, n)
		})},
	}
}
