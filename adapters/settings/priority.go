package settings

// Priority says where the edge finds how critical a request is. Core sheds by it
// (R5); 0 is the most critical, 7 the least.
type Priority struct {
	// Header is where a trusted peer says it: Priority is that of RFC 9218, whose
	// urgency (u=3) it is; any other holds one number. In canonical form.
	Header string `json:"header"`
	// Default is that of a request of anybody else, or of one that says nothing.
	Default uint8 `json:"default,omitempty"`
}

// HeaderPriority is the header of RFC 9218.
const HeaderPriority = "Priority"
