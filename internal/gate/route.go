package gate

// StageSet is a set of stages, by name, that apply to a method.
type StageSet uint16

// The stages that a method's row can ask for. identify and decode always run.
const (
	OnResolve StageSet = 1 << iota
	OnAuthorize
	OnValidate
	OnInspect
	OnLimit
	OnRedact
)

// Action says who carries a method out once every stage has let it pass.
type Action uint8

// The actions. The zero value is none and refuses.
const (
	NoAction  Action = iota
	Relay            // to the one upstream of the call, and its answer back
	Compose          // a list, made of Target.Items
	Handshake        // initialize
	Discover         // server/discover
	Answer           // a client's response to a server-to-client request
	Listen           // subscriptions/listen
	Fan              // to every upstream of the session (logging/setLevel)
	Notify           // a notification to the upstreams of the session
	Cancel           // notifications/cancelled
	Empty            // an empty result from Doorward itself (ping)
	Stream           // the GET stream
	Close            // the end of a session
)

// Direction says who may send a method.
type Direction uint8

// The directions. The zero value is none and refuses.
const (
	NoDirection Direction = iota
	ToServer              // client to server
	ToClient              // server to client
	BothWays
)

// Route is a method's row in mcp's table. The zero value refuses: a method
// without a row is unknown.
type Route struct {
	Method    string
	Kind      MessageKind // Request or Notification
	Direction Direction
	Since     string // first revision that has the method
	Until     string // last revision that has it; empty: still there
	Stages    StageSet
	Action    Action
	Item      ItemKind // what the named thing is, or what the list lists
	Task      bool     // NameAt is the id of a task, which a call of the Item made
	NameAt    string   // params member that names it: "name", "uri", "ref", "taskId"
	Mirror    string   // header that must repeat it (Mcp-Name); empty for none
	Keeps     bool     // it leaves in its session what another gateway could not make anew
}
