r"""The whole loop on one screen: the stages in order, each fed by the one before.

    capture -> signals -> clusters -> cases -> runs -> report -> notes
                 \-> preferences (training data)

Every function takes the project, hands records and plugin objects to one stage, and stores what comes back. Verbs and
the pytest plugin call these and nothing else. `__init__.pyi` beside this file lists them in the order of the loop; what
a verb does not ask for is not imported.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
