package form

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/go-json-experiment/json"

	"doorward/internal/gate"
)

// OCSFVersion is that of the schema that OCSF writes (schema.ocsf.io).
const OCSFVersion = "1.3.0"

// The class API Activity of the category Application Activity.
const (
	ocsfCategory = 6
	ocsfClass    = 6003
)

// What the class calls the activities that a record can be of.
const (
	ocsfRead  = 2
	ocsfOther = 99
)

type ocsfEvent struct {
	CategoryUID  int            `json:"category_uid"`
	CategoryName string         `json:"category_name"`
	ClassUID     int            `json:"class_uid"`
	ClassName    string         `json:"class_name"`
	ActivityID   int            `json:"activity_id"`
	ActivityName string         `json:"activity_name"`
	TypeUID      int            `json:"type_uid"`
	SeverityID   int            `json:"severity_id"`
	Severity     string         `json:"severity"`
	Time         int64          `json:"time"` // ms since 1970
	Duration     int64          `json:"duration,omitzero"`
	StatusID     int            `json:"status_id"`
	Status       string         `json:"status"`
	StatusCode   string         `json:"status_code,omitzero"`
	StatusDetail string         `json:"status_detail,omitzero"`
	Message      string         `json:"message,omitzero"`
	Metadata     ocsfMetadata   `json:"metadata"`
	Actor        ocsfActor      `json:"actor"`
	API          ocsfAPI        `json:"api"`
	Source       ocsfEndpoint   `json:"src_endpoint"`
	Resources    []ocsfResource `json:"resources,omitzero"`
	Unmapped     map[string]any `json:"unmapped"`
}

type ocsfMetadata struct {
	Version     string      `json:"version"`
	Product     ocsfProduct `json:"product"`
	UID         string      `json:"uid"`
	LogName     string      `json:"log_name"`
	LogProvider string      `json:"log_provider"`
	Sequence    uint64      `json:"sequence"`
	Correlation string      `json:"correlation_uid,omitzero"`
	EventCode   string      `json:"event_code"`
}

type ocsfProduct struct {
	Name    string `json:"name"`
	Vendor  string `json:"vendor_name"`
	Version string `json:"version,omitzero"`
}

type ocsfActor struct {
	User    ocsfUser    `json:"user"`
	Session ocsfSession `json:"session,omitzero"`
	App     string      `json:"app_name,omitzero"`
	AppUID  string      `json:"app_uid,omitzero"`
}

type ocsfUser struct {
	Name       string      `json:"name"`
	UID        string      `json:"uid,omitzero"`
	Domain     string      `json:"domain,omitzero"`
	Credential string      `json:"credential_uid,omitzero"`
	Groups     []ocsfGroup `json:"groups,omitzero"`
	TypeID     int         `json:"type_id"`
}

type ocsfGroup struct {
	Name string `json:"name"`
}

type ocsfSession struct {
	UID    string `json:"uid,omitzero"`
	Issuer string `json:"issuer,omitzero"`
}

type ocsfAPI struct {
	Operation string       `json:"operation"`
	Request   ocsfRequest  `json:"request,omitzero"`
	Response  ocsfResponse `json:"response,omitzero"`
	Target    ocsfTarget   `json:"service,omitzero"`
	Version   string       `json:"version,omitzero"`
}

type ocsfRequest struct {
	UID string `json:"uid,omitzero"`
}

type ocsfResponse struct {
	Error   string `json:"error,omitzero"`
	Message string `json:"message,omitzero"`
}

type ocsfTarget struct {
	Name string `json:"name,omitzero"`
}

type ocsfEndpoint struct {
	IP   string `json:"ip,omitzero"`
	Name string `json:"name,omitzero"`
}

type ocsfResource struct {
	Name  string `json:"name"`
	Type  string `json:"type,omitzero"`
	Group string `json:"group,omitzero"`
}

// OCSF is the record as an event of the Open Cybersecurity Schema Framework, class
// API Activity (6003), in one line of JSON without its end. What the class has no
// place for is in its unmapped.
func OCSF(r *Record, version string) ([]byte, error) {
	k := &r.known
	e := ocsfEvent{
		CategoryUID: ocsfCategory, CategoryName: "Application Activity", ClassUID: ocsfClass, ClassName: "API Activity",
		Time: r.Time.UnixMilli(), Duration: k.Duration / 1000,
		StatusCode: gate.Visible(k.Code), StatusDetail: gate.Visible(k.Reason), Message: gate.Visible(k.Detail),
		Metadata: ocsfMetadata{
			Version: OCSFVersion, Product: ocsfProduct{Name: "Doorward", Vendor: "Doorward", Version: gate.Visible(version)},
			UID:     fmt.Sprintf("%s/%d", gate.Visible(r.Origin), r.Seq),
			LogName: gate.Visible(r.Origin), LogProvider: "doorward", Sequence: r.Seq,
			Correlation: gate.Visible(k.Exchange), EventCode: gate.Visible(k.Kind),
		},
		Actor: r.ocsfActor(),
		API: ocsfAPI{
			Operation: r.what(), Request: ocsfRequest{UID: gate.Visible(k.ID)}, Target: ocsfTarget{Name: gate.Visible(k.Upstream)},
			Version: gate.Visible(k.Era),
		},
		Source:   ocsfEndpoint{Name: "doorward"},
		Unmapped: r.unmapped(),
	}
	e.ActivityID, e.ActivityName = r.activity()
	e.TypeUID = ocsfClass*100 + e.ActivityID
	e.SeverityID, e.Severity = r.ocsfSeverity()
	e.StatusID, e.Status = r.ocsfStatus()
	if e.StatusID == ocsfFailure {
		e.API.Response = ocsfResponse{Error: e.StatusCode, Message: e.StatusDetail}
	}
	if at, err := netip.ParseAddr(k.Remote); err == nil {
		e.Source = ocsfEndpoint{IP: at.String()}
	}
	if k.Item != "" {
		e.Resources = []ocsfResource{{Name: gate.Visible(k.Item), Type: gate.Visible(k.ItemKind), Group: gate.Visible(k.Upstream)}}
	}
	line, err := json.Marshal(e, json.Deterministic(true))
	if err != nil {
		return nil, fmt.Errorf("writing a record as OCSF: %w", err)
	}
	return line, nil
}

func (r *Record) ocsfActor() ocsfActor {
	p := &r.known.Principal
	const person, system = 1, 3 // account types
	a := ocsfActor{
		User:    ocsfUser{Name: gate.Visible(r.who()), UID: gate.Visible(r.known.Key), Domain: gate.Visible(p.Tenant), Credential: gate.Visible(p.Credential), TypeID: person},
		Session: ocsfSession{UID: gate.Visible(r.known.Session), Issuer: gate.Visible(p.Issuer)},
		App:     gate.Visible(r.known.Agent), AppUID: gate.Visible(p.Client),
	}
	switch {
	case a.User.Name == "" && r.known.Kind == "start", r.known.Actor == "doorward":
		a.User.Name, a.User.TypeID = "doorward", system
	case a.User.Name == "":
		a.User.Name, a.User.TypeID = "unknown", 0
	}
	for _, g := range p.Groups {
		a.User.Groups = append(a.User.Groups, ocsfGroup{Name: gate.Visible(g)})
	}
	return a
}

// activity is Read for methods that only read; a tool's call may do anything.
func (r *Record) activity() (id int, caption string) {
	m := r.known.Method
	if strings.HasSuffix(m, "/list") || strings.HasPrefix(m, "resources/") || m == "prompts/get" || m == "completion/complete" {
		return ocsfRead, "Read"
	}
	return ocsfOther, r.what()
}

func (r *Record) ocsfSeverity() (id int, caption string) {
	switch r.level() {
	case ordinary:
	case refused:
		return 3, "Medium"
	case failed:
		return 4, "High"
	case incident:
		return 5, "Critical"
	}
	return 1, "Informational"
}

const ocsfFailure = 2

func (r *Record) ocsfStatus() (id int, caption string) {
	switch r.known.Status {
	case "ok":
		return 1, "Success"
	case "error", "refused", "failed":
		return ocsfFailure, "Failure"
	}
	return 0, "Unknown"
}

// unmapped are the fields that have no place of their own in the class.
func (r *Record) unmapped() map[string]any {
	out := map[string]any{}
	for _, f := range r.Fields() {
		switch f.Name {
		case "seq", "kind", "detail", "agent", "key", "remote", "session", "id", "upstream", "item", "item_kind", "code", "reason",
			"principal.subject", "principal.tenant", "principal.issuer", "principal.client", "principal.credential", "principal.groups":
			continue // mapped
		}
		switch {
		case f.Text == "":
		case f.Is == Number:
			out[f.Name] = f.Number
		default:
			out[f.Name] = f.Text
		}
	}
	return out
}
