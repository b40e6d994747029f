package sqlext

import (
	"errors"
	"fmt"
)

// maxFindings is where an integrity check stops listing.
const maxFindings = 100

// errStop ends a scan early.
var errStop = errors.New("stop")

// findings collects what an integrity check finds.
type findings struct {
	label   string
	list    []string
	dropped int
}

func (f *findings) add(text string) {
	if len(f.list) >= maxFindings {
		f.dropped++
		return
	}
	f.list = append(f.list, "nearlite: "+f.label+": "+text)
}

// broken returns the findings; a decoding error is one of them, other errors say
// that the check itself could not be done.
func (f *findings) broken(err error) ([]string, error) {
	if err != nil {
		if !isDamage(err) {
			return nil, wrapIndexError(f.label, err)
		}
		f.add(err.Error())
	}
	if f.dropped > 0 {
		f.list = append(f.list, fmt.Sprintf("nearlite: %s: %d more findings", f.label, f.dropped))
	}
	return f.list, nil
}
