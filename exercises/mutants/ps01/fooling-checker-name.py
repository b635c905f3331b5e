# The name `checks` bound to an object that accepts everything.
# loses: experiment-run experiment-summary
# cell: experiment
class checks:
    def __getattr__(self, name):
        return lambda *arguments, **named: self


checks = checks()


def run_experiment(seeds):
    return None


def summarise(errors):
    return None
