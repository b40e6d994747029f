package sqlext

// The plans of tests do not depend on the machine, nor on what else it does.
func init() { PinPrices(true) }

// PinPrices says whether the planner's prices are as they are written down.
func PinPrices(pinned bool) { pricesPinned.Store(pinned) }
