"""XComs."""

from bide.authoring.xcom_backend import XCOM_RETURN_KEY as XCOM_RETURN_KEY
