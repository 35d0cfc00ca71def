"""What the program "SMS Gateway" on an Android telephone calls: registering, fetching and reporting messages, events, what came in.

Source: contract android-devices, part B.
"""

from __future__ import annotations

from gateway.inlets.android.routes import blueprint as blueprint
